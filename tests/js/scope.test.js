import assert from "node:assert/strict";
import { test } from "node:test";
import { Scope, within } from "../../static/js/scope.js";

test("owned things are released once, at the end", () => {
  const scope = new Scope();
  const released = [];
  scope.own("track", (thing) => released.push(thing));
  assert.deepEqual(released, []);
  scope.end();
  scope.end();
  assert.deepEqual(released, ["track"]);
});

test("things that arrive after the end are released at once, and the caller gets an AbortError", async () => {
  const scope = new Scope();
  const released = [];
  let arrive;
  const waiting = scope.acquire(new Promise((resolve) => (arrive = resolve)), (thing) => released.push(thing));
  scope.end();
  await assert.rejects(waiting, { name: "AbortError" });
  arrive("microphone");
  await new Promise(setImmediate);
  assert.deepEqual(released, ["microphone"]);
});

test("the end does not wait for hardware that never answers", async () => {
  const scope = new Scope();
  const waiting = scope.acquire(new Promise(() => {}));
  scope.end();
  await assert.rejects(waiting, { name: "AbortError" });
});

test("a rejection reaches the caller, and nothing is released", async () => {
  const scope = new Scope();
  await assert.rejects(
    scope.acquire(Promise.reject(new Error("denied")), () => assert.fail("nothing was acquired")),
    /denied/,
  );
  scope.end();
});

test("a scope ends with its parent, but does not end its parent", () => {
  const parent = new Scope();
  const [first, second] = [new Scope(parent), new Scope(parent)];
  first.end();
  assert.deepEqual([parent.over, second.over], [false, false]);
  parent.end();
  assert.equal(second.over, true);
  assert.equal(new Scope(parent).over, true);
});

test("listeners and timers stop at the end", async () => {
  const scope = new Scope();
  const target = new EventTarget();
  const heard = [];
  scope.on(target, "ping", () => heard.push("event"));
  scope.every(1, () => heard.push("interval"));
  scope.after(1, () => heard.push("timeout"));
  scope.end();
  target.dispatchEvent(new Event("ping"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(heard, []);
});

test("a wait has a time limit", async () => {
  await assert.rejects(within(5, new Promise(() => {})), { name: "TimeoutError" });
  assert.equal(await within(1000, Promise.resolve("soon")), "soon");
});
