// Runs Firefox for the tests, over WebDriver BiDi. POST /COMMAND with a JSON list of arguments answers {result} or {error}.

import { createServer } from "node:http";
import puppeteer from "puppeteer-core";

const { port, within, ...options } = JSON.parse(process.argv[2]);
const browser = await puppeteer.launch({ browser: "firefox", headless: true, protocolTimeout: within, ...options });

let page = null;
let problems = [];

const commands = {
  /** Open a page of a new visitor, in place of the one before. The scripts run before those of each secure document. */
  async open(...scripts) {
    await page?.browserContext().close();
    page = await (await browser.createBrowserContext()).newPage();
    page.setDefaultTimeout(within);
    await page.setViewport({ width: 1280, height: 860 });
    for (const script of scripts) await page.evaluateOnNewDocument(new Function(`if (isSecureContext) { ${script} }`));
    problems = [];
    page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
    page.on("console", (message) => ["error", "assert"].includes(message.type()) && problems.push(`console: ${message.text()}`));
    page.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText;
      // The page was left before the answer came.
      if (reason !== "NS_BINDING_ABORTED") problems.push(`${reason}: ${request.url()}`);
    });
    page.on("response", (response) => response.status() >= 400 && problems.push(`${response.status()}: ${response.url()}`));
  },
  resize: (width, height) => page.setViewport({ width, height }),
  goto: async (url) => void (await page.goto(url)),
  evaluate: (expression) => page.evaluate(expression),
  click: (selector) => page.locator(selector).click(),
  fill: (selector, text) => page.locator(selector).fill(text),
  down: (key) => page.keyboard.down(key),
  up: (key) => page.keyboard.up(key),
  problems: () => problems,
};

async function answer(request) {
  try {
    let body = "";
    for await (const piece of request) body += piece;
    return { result: await commands[request.url.slice(1)](...JSON.parse(body)) };
  } catch (error) {
    return { error: String(error) };
  }
}

createServer(async (request, response) => response.end(JSON.stringify(await answer(request)))).listen(port, "127.0.0.1");
process.once("SIGTERM", () => browser.close().finally(() => process.exit()));
