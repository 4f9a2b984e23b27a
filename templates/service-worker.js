// Show the offline page when the server cannot be reached. Cache only that page and its files: no talk, no recording, no other page
// and no API response.

const CACHE = "offline-{{ release }}";
const PAGE = "{% url 'offline' %}";
const FILES = [
{% for file in files %}  "{{ file }}",
{% endfor %}];
// Milliseconds after which a server that does not answer counts as unreachable.
const PATIENCE = 20_000;
// A proxy answers with these codes while the server is away.
const AWAY = new Set([502, 503, 504]);
// Operators and programs get the server's own error instead of the offline page.
const OTHERS = /^\/(?:admin|api)\//;

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(keep());
});

addEventListener("activate", (event) => event.waitUntil(Promise.all([clients.claim(), dropOlder()])));

addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { pathname } = new URL(url);
  if (method !== "GET" || OTHERS.test(pathname)) return;
  if (mode === "navigate") event.respondWith(visit(event.request));
  else if (FILES.includes(pathname)) event.respondWith(file(event.request));
});

async function keep() {
  const cache = await caches.open(CACHE);
  await cache.addAll([PAGE, ...FILES].map((path) => new Request(path, { cache: "no-cache", credentials: "omit" })));
}

async function dropOlder() {
  const names = await caches.keys();
  return Promise.all(names.filter((name) => name.startsWith("offline-") && name !== CACHE).map((name) => caches.delete(name)));
}

async function visit(request) {
  try {
    const answer = await Promise.race([fetch(request), late()]);
    return (AWAY.has(answer.status) && (await kept(PAGE))) || answer;
  } catch {
    return (await kept(PAGE)) || Response.error();
  }
}

async function file(request) {
  return (await kept(request)) || fetch(request);
}

const kept = (request) => caches.match(request, { cacheName: CACHE });

const late = () => new Promise((_, reject) => setTimeout(reject, PATIENCE, new Error("No answer.")));
