import assert from "node:assert/strict";
import { test } from "node:test";
import { Measures } from "../../static/js/measures.js";

const TIMING = { item_id: "user-1", transcribe_ms: 100, think_ms: 50, total_ms: 220 };

function measures() {
  const shown = [];
  return [new Measures({ setMeasured: (answer, figures) => shown.push([answer, figures]) }), shown];
}

test("the steps of an answer are summed up", () => {
  const [times, shown] = measures();
  times.timed(TIMING, "ai-2");
  assert.deepEqual(shown, [["ai-2", { heard_ms: 100, thought_ms: 150, first_audio_ms: 220 }]]);
});

test("the time of saving is shown with the answer, whichever arrives first", () => {
  for (const savedFirst of [true, false]) {
    const [times, shown] = measures();
    if (savedFirst) times.saved("user-1", 30);
    times.timed(TIMING, "ai-2");
    if (!savedFirst) times.saved("user-1", 30);
    assert.deepEqual(shown.at(-1), ["ai-2", { saved_ms: 30 }]);
  }
});

test("the times of an opening and invalid numbers are ignored", () => {
  const [times, shown] = measures();
  times.timed({ ...TIMING, item_id: null }, "ai-1");
  times.saved("user-1", undefined);
  assert.deepEqual(shown, []);
});
