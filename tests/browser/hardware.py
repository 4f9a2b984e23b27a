"""Make a page's sound hardware slow, or let it fail.

The scripts only delay, suspend or count the browser's own objects.
"""

# getUserMedia waits, as while the browser asks for permission. `asked` holds requests to `allow` or `refuse`, `tracks`
# the results.
HELD_MICROPHONE = """(() => {
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  Object.assign(window, { asked: [], tracks: [] });
  navigator.permissions.query = async () => ({ state: "prompt" });
  navigator.mediaDevices.getUserMedia = (wanted) => new Promise((resolve, reject) => {
    asked.push({ wanted, async allow() {
      try {
        const stream = await open(wanted);
        tracks.push(...stream.getTracks());
        resolve(stream);
      } catch (error) {
        reject(error);
      }
    }, refuse: () => reject(new DOMException("", "NotAllowedError")) });
  });
})()"""

# The learner has given permission already, so the page waits for the device. Add this after HELD_MICROPHONE.
ALLOWED = "navigator.permissions.query = async () => ({ state: 'granted' })"

# `tracks` holds all tracks from getUserMedia.
COUNTED_TRACKS = """(() => {
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.tracks = [];
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await open(wanted);
    tracks.push(...stream.getTracks());
    return stream;
  };
})()"""

# `contexts` holds all contexts. `interrupt(contexts)` suspends them, as a phone call does, until `resumable` is true
# again.
INTERRUPTED_CONTEXTS = """(() => {
  const { resume } = AudioContext.prototype;
  Object.assign(window, { contexts: [], resumable: true });
  window.AudioContext = class extends AudioContext {
    constructor(options) {
      super(options);
      contexts.push(this);
      if (!resumable) super.suspend();
    }
    resume() {
      return resumable ? resume.call(this) : new Promise(() => {});
    }
  };
  window.interrupt = (some) => {
    window.resumable = false;
    return Promise.all(some.map((context) => context.suspend()));
  };
})()"""

# An AudioContext that stays suspended, as in Firefox without a loudspeaker.
NO_LOUDSPEAKER = f"{INTERRUPTED_CONTEXTS}; window.resumable = false"
NO_AUDIO_CONTEXT = "window.AudioContext = class { constructor() { throw new DOMException('', 'NotSupportedError'); } }"

# `locks` holds the screen's wake locks, which headless browsers refuse.
WAKE_LOCKS = """(() => {
  window.locks = [];
  const request = async () => {
    const lock = { released: false, release: async () => { lock.released = true; } };
    locks.push(lock);
    return lock;
  };
  Object.defineProperty(navigator, "wakeLock", { value: { request } });
})()"""

HANDS_FREE = "localStorage.settings = JSON.stringify({ ...JSON.parse(localStorage.settings || '{}'), handsFree: true })"
HIDDEN = "Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.isHidden || false })"
SHOWN_AGAIN = "() => { window.isHidden = false; document.dispatchEvent(new Event('visibilitychange')); }"

OUTBOX = """() => new Promise((resolve) => {
  indexedDB.open("outbox").onsuccess = ({ target }) => {
    target.result.transaction("entries").objectStore("entries").getAll().onsuccess = (all) => resolve(all.target.result.length);
  };
})"""
