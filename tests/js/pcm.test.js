import assert from "node:assert/strict";
import { test } from "node:test";
import { RATE, fromBase64, join, peak, toBase64, wav } from "../../static/js/pcm.js";

const SOUND = Int16Array.from({ length: 50_000 }, (_, at) => (at * 37) % 65_536);

test("sound survives base64, also from a part of a longer buffer", () => {
  assert.deepEqual(fromBase64(toBase64(SOUND)), SOUND);
  const part = SOUND.subarray(1000, 1010);
  assert.deepEqual(fromBase64(toBase64(part)), Int16Array.from(part));
  assert.deepEqual(fromBase64(toBase64(new Int16Array())), new Int16Array());
});

test("half a sample at the end is dropped", () => {
  assert.deepEqual(fromBase64(btoa("\x01\x02\x03")), Int16Array.from([0x0201]));
});

test("pieces are joined in their order", () => {
  assert.deepEqual(join([Int16Array.from([1, 2]), new Int16Array(), Int16Array.from([3])]), Int16Array.from([1, 2, 3]));
  assert.deepEqual(join([]), new Int16Array());
});

test("the peak is relative to full scale", () => {
  assert.equal(peak(new Int16Array(10)), 0);
  assert.equal(peak(Int16Array.from([100, -32768])), 1);
});

test("a WAV file states its length and rate", async () => {
  const file = wav(SOUND);
  const header = new DataView(await file.arrayBuffer());
  assert.equal(file.size, 44 + SOUND.byteLength);
  assert.deepEqual(
    [header.getUint32(4, true), header.getUint32(24, true), header.getUint32(40, true)],
    [36 + SOUND.byteLength, RATE, SOUND.byteLength],
  );
});
