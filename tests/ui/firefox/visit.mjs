// A visitor with Firefox: from the prepared result to one of their own, its views, and the gallery after a reload.
// node visit.mjs FIREFOX ADDRESS IMAGE CLIP FOLDER prints what was seen as one JSON object, and puts screenshots there.
import puppeteer from "puppeteer-core";

const [firefox, address, image, clip, folder] = process.argv.slice(2);
const seen = { faults: [], views: {}, overflows_px: {} };
const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: firefox,
  extraPrefsFirefox: { "ui.prefersReducedMotion": 1 }, // so that nothing plays by itself
});

try {
  const page = await browser.newPage();
  page.setDefaultTimeout(180_000);
  page.on("console", (said) => said.type() === "error" && seen.faults.push(said.text()));
  page.on("pageerror", (error) => seen.faults.push(String(error)));
  page.on("request", (request) => /^https?:/.test(request.url()) && !request.url().startsWith(address) && seen.faults.push(request.url()));
  page.on("response", (answer) => answer.status() >= 400 && seen.faults.push(`${answer.status()} ${answer.url()}`));

  const until = (what, ...values) => page.waitForFunction(what, {}, ...values);
  const press = (what) => page.locator(what).click(); // waits, as a person does, for what can be pressed and stands still
  const shoot = async (name) => {
    await page.screenshot({ path: `${folder}/${name}.png` });
    seen.overflows_px[name] = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  };
  const play = async () => {
    await until(() => document.querySelector("[data-pane=result] video").readyState > 1);
    await press("[data-do=play]");
    await until(() => document.querySelector("[data-pane=result] video").currentTime > 0.5);
    await press("[data-do=play]");
  };

  await page.setViewport({ width: 1440, height: 900 });
  await page.goto(address, { waitUntil: "domcontentloaded" });
  await page.waitForSelector("#run:not([disabled])");
  await play();
  await shoot("prepared");

  for (const [slot, path] of [["#image-slot", image], ["#video-slot", clip]]) {
    const before = await page.$eval(`${slot} .slot-facts`, (facts) => facts.textContent);
    await (await page.$(`${slot} input[type=file]`)).uploadFile(path);
    await until((of, old) => document.querySelector(`${of} .slot-facts`).textContent !== old, slot, before);
    await until((of) => document.querySelector(`${of} .slot`).getAttribute("aria-busy") === "false", slot);
  }
  await press("#run");
  await until(() => document.querySelector("[data-link=download]")?.checkVisibility());
  await play();
  await page.focus("[data-do=play]");
  for (const [key, frame] of [["Home", 0], ["ArrowRight", 1], ["ArrowRight", 2], ["ArrowLeft", 1]]) {
    await page.keyboard.press(key);
    await until((at) => [...document.querySelectorAll(".pane video")].every((video) => Math.abs(video.currentTime - at) < 0.03), (frame + 0.5) / 8);
  }
  for (const view of ["wipe", "overlay", "difference", "side"]) {
    await press(`[data-view=${view}]`);
    await shoot(view);
    seen.views[view] = await page.$eval(`[data-view=${view}]`, (button) => button.getAttribute("aria-pressed"));
  }
  await until(() => document.querySelector(".player-facts").textContent.includes("Motion match"));
  seen.facts = await page.$eval(".player-facts", (facts) => facts.textContent);

  await page.reload({ waitUntil: "domcontentloaded" });
  await page.waitForSelector(".past .past-about");
  seen.past = await page.$$eval(".past", (runs) => runs.length);
  await page.setViewport({ width: 390, height: 844 });
  await page.$eval("#history", (history) => history.scrollIntoView());
  await shoot("gallery");
  console.log(JSON.stringify(seen));
} catch (error) {
  const page = (await browser.pages()).at(-1); // whoever reads the failure sees what the visitor saw
  await page.screenshot({ path: `${folder}/failed.png`, fullPage: true });
  console.error(JSON.stringify(seen), await page.evaluate(() => document.body.innerText));
  throw error;
} finally {
  await browser.close();
}
