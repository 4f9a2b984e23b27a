// The microphone as the talk page has it: open while the page says so, with its meter, and with help where it fails.

import { Microphone, MicrophoneError } from "./microphone.js";
import { MicrophoneHelp } from "./microphone-help.js";
import { fillDevices } from "./page.js";
import { Scope } from "./scope.js";
import * as settings from "./settings.js";
import { Meter } from "./talk-view.js";

const ASKED_MS = 1000; // no answer for so long: the browser asks the learner, or the device is slow
const HANGS_MS = 20_000; // no answer although it may: the device hangs
const WATCH_MS = 500;
const STALLED_TICKS = 6; // 3 s without a frame. Not the clock: a page that was busy for 3 s has not looked
const QUIET_S = 10; // with frames, but without any sound in them

export class MicrophonePanel {
  /**
   * `onFrame(pcm)`. `onAnswered()`: the learner has answered the browser's question, or it was none. `onLost()`: no more frames
   * come, for now at least. `onChange()`: one of the properties below. `onType(focus)`: the learner has to type, or would rather.
   * `expectsSound()`: whether it is odd that nothing is heard.
   */
  constructor({ worklet, onFrame, onAnswered, onLost, onChange, onType, expectsSound }) {
    Object.assign(this, { onFrame, onAnswered, onLost, onChange, onType, expectsSound });
    this.talk = null;
    this.attempt = null; // the scope of the latest choice of microphone
    this.pending = false; // the browser has not said yet whether it may be used
    this.asking = false; // … and has been asked for a second or longer
    this.allowed = false; // the learner has agreed, so that it is the device that does not answer
    this.stalled = false; // open, and no frame comes
    this.ticks = 0; // of the watch, since the last frame
    this.microphone = new Microphone({
      worklet,
      onFrame: (pcm) => this.hear(pcm),
      onLost: (code) => (code === "silent" ? this.showSilence() : this.lose(code)),
    });
    this.meter = new Meter({ element: document.getElementById("meter"), dock: document.getElementById("dock") });
    this.help = new MicrophoneHelp({
      element: document.getElementById("microphone-help"),
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

  /** Open it for this talk (a Scope), which closes it when it ends. */
  begin(talk) {
    this.talk = talk;
    talk.every(WATCH_MS, () => this.watch());
    talk.own(this, () => this.off());
    return this.start();
  }

  /** Open the microphone that is chosen now, instead of the one before, be that open or asked for. */
  async start() {
    if (!this.talk || this.talk.over) return;
    const attempt = this.begun();
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

  begun() {
    this.closed();
    const attempt = new Scope(this.talk);
    this.attempt = attempt;
    this.pending = true;
    this.wait(attempt, 0);
    return attempt;
  }

  /** Look again and again whom the browser waits for: the learner, or the device. `hung`: for how long the device. */
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

  lose(code) {
    this.closed();
    this.off();
    this.help.show(code);
    this.onType(false);
    this.answered();
  }

  /** What came of the attempt before is released, or will be when it comes. */
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

  // On a timer, since the frames themselves can't tell that they do not come.
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
