// Manage the microphone of the talk page: open it while the page needs it, with its meter, and with help if it fails.

import { byId } from "./dom.js";
import { Microphone, MicrophoneError } from "./microphone.js";
import { MicrophoneHelp } from "./microphone-help.js";
import { fillDevices } from "./page.js";
import { Scope } from "./scope.js";
import * as settings from "./settings.js";
import { Meter } from "./talk-view.js";
/** @import { MicrophoneCode } from "./microphone.js" */
/** @import { Pcm } from "./pcm.js" */

// Without an answer for this long, the browser is asking the learner, or the device is slow.
const ASKED_MS = 1000;
// With permission, but without an answer for this long, the device hangs.
const HANGS_MS = 20_000;
const WATCH_MS = 500;
// 3 s without a frame. Count ticks instead of the time, because a page that was busy for 3 s has not checked.
const STALLED_TICKS = 6;
// Frames arrive for this long, but hold no sound.
const QUIET_S = 10;

export class MicrophonePanel {
  /**
   * Create the panel. `onFrame(pcm)` gets each frame. `onAnswered()` is called when the learner has answered the browser's
   * question, or when there was none. `onLost()` is called when frames stop, at least for now. `onChange()` is called when one of
   * the properties below changes. `onType(focus)` is called when the learner has to type, or prefers to. `expectsSound()` returns
   * whether silence is unexpected.
   * @param {{ worklet: string; onFrame: (pcm: Pcm) => void; onAnswered: () => void; onLost: () => void; onChange: () => void;
   *   onType: (focus: boolean) => void; expectsSound: () => boolean }} options
   */
  constructor({ worklet, onFrame, onAnswered, onLost, onChange, onType, expectsSound }) {
    this.onFrame = onFrame;
    this.onAnswered = onAnswered;
    this.onLost = onLost;
    this.onChange = onChange;
    this.onType = onType;
    this.expectsSound = expectsSound;
    /** @type {Scope | null} */
    this.talk = null;
    /** @type {Scope | null} The scope of the latest choice of microphone */
    this.attempt = null;
    // True until the browser says whether the microphone may be used.
    this.pending = false;
    // True after the browser has taken a second or longer for that.
    this.asking = false;
    // True if the learner has agreed, so that only the device can cause the delay.
    this.allowed = false;
    // True while the microphone is open but no frames arrive.
    this.stalled = false;
    // Ticks of `watch` since the last frame.
    this.ticks = 0;
    this.microphone = new Microphone({
      worklet,
      onFrame: (pcm) => this.hear(pcm),
      onLost: (code) => (code === "silent" ? this.showSilence() : this.lose(code)),
    });
    this.meter = new Meter({ element: byId("meter"), dock: byId("dock") });
    this.help = new MicrophoneHelp({
      element: byId("microphone-help"),
      onRetry: () => this.start(),
      onType: () => {
        onAnswered();
        onType(true);
      },
    });
    settings.onChange("device", () => this.start());
  }

  get open() {
    return this.microphone.open;
  }

  get hears() {
    return this.open && !this.stalled;
  }

  /**
   * Open the microphone for this talk (a Scope). It closes when the talk ends.
   * @param {Scope} talk
   */
  begin(talk) {
    this.talk = talk;
    talk.every(WATCH_MS, () => this.watch());
    talk.own(this, () => this.off());
    return this.start();
  }

  /** Open the chosen microphone instead of the previous one, whether that is open or still requested. */
  async start() {
    if (!this.talk || this.talk.over) return;
    this.closed();
    const attempt = new Scope(this.talk);
    this.attempt = attempt;
    this.pending = true;
    this.wait(attempt, 0);
    try {
      const stream = await this.microphone.request(settings.get("device"), attempt);
      this.answered();
      await this.microphone.connect(stream, attempt);
      this.ticks = 0;
      this.meter.begin();
      this.help.hide();
      this.onChange();
      await fillDevices();
    } catch (error) {
      if (!attempt.over && !this.open) this.lose(error instanceof MicrophoneError ? error.code : "busy");
    }
  }

  /**
   * Check repeatedly what the browser waits for: the learner or the device. `hung` is how long it has waited for the device, in
   * ms.
   * @param {Scope} attempt
   * @param {number} hung
   */
  wait(attempt, hung) {
    attempt.after(ASKED_MS, async () => {
      if (!this.pending) return;
      const allowed = await isAllowed();
      if (!this.pending || attempt.over) return;
      if (allowed && hung + ASKED_MS >= HANGS_MS) return this.lose("busy");
      if (!this.asking) this.onType(false);
      this.asking = true;
      this.allowed = allowed;
      this.onChange();
      this.wait(attempt, allowed ? hung + ASKED_MS : 0);
    });
  }

  answered() {
    this.pending = this.asking = false;
    this.onAnswered();
    this.onChange();
  }

  /** @param {MicrophoneCode} code */
  lose(code) {
    this.closed();
    this.off();
    this.help.show(code);
    this.onType(false);
    this.answered();
  }

  /** Release the microphone of the previous attempt now, or as soon as it arrives. */
  closed() {
    const fed = this.open;
    this.attempt?.end();
    this.pending = this.asking = this.stalled = false;
    if (fed) this.onLost();
  }

  off() {
    this.pending = this.asking = this.stalled = false;
    this.meter.off();
    this.help.hide();
  }

  /** @param {Pcm} pcm */
  hear(pcm) {
    this.ticks = 0;
    this.meter.hear(pcm);
    if (this.stalled) {
      this.stalled = false;
      this.help.hide("stalled");
      this.onChange();
    }
    if (this.meter.signal) this.help.hide("silent");
    this.onFrame(pcm);
  }

  // This runs on a timer, because missing frames cause no event.
  watch() {
    this.ticks = document.hidden || !this.open ? 0 : this.ticks + 1;
    if (this.microphone.ended) this.lose("missing");
    else if (this.ticks > STALLED_TICKS) this.stall();
    else if (this.open && this.meter.quietFor > QUIET_S && this.expectsSound()) this.showSilence();
  }

  stall() {
    if (this.stalled) return;
    this.stalled = true;
    this.meter.off();
    this.help.show("stalled");
    this.onType(false);
    this.onLost();
    this.onChange();
  }

  showSilence() {
    this.help.show("silent", this.microphone.label);
  }
}

async function isAllowed() {
  const asked = await navigator.permissions?.query({ name: "microphone" }).catch(() => null);
  return asked?.state === "granted";
}
