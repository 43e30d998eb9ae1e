// A person with a keyboard and nothing else.
import assert from 'node:assert/strict';

/** Where the keyboard is: a name, whether that is seen, and whether it is on the screen. */
export const here = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (element === document.body) return { name: 'body' };
    // The picture of a file's input is the box around it.
    const { outlineStyle, outlineWidth } = getComputedStyle(element.closest('.drop') ?? element);
    const { top, bottom } = element.getBoundingClientRect();
    const { testid, fault, language } = element.dataset;
    return {
      name: testid || fault || language || element.id || element.textContent.trim(),
      seen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2,
      there: bottom > 0 && top < innerHeight,
    };
  });

/** Presses Tab until a place is reached; each one on the way has a visible focus. */
export const reach = async (page, name, key = 'Tab') => {
  const passed = [];
  for (let n = 0; n < 60; n++) {
    await page.keyboard.press(key);
    const at = await here(page);
    passed.push(at.name);
    if (at.name !== 'body') assert.ok(at.seen && at.there, `the focus is not seen: ${JSON.stringify(at)}`);
    if (at.name === name) return;
  }
  assert.fail(`${name} cannot be reached: ${passed.join(', ')}`);
};

/**
 * Walks from the top of the page to its end, and back: each place has a visible focus, they come in
 * the order of the page, and none holds the keyboard.
 */
export const walk = async (page) => {
  await page.evaluate(() => {
    document.activeElement.blur();
    getSelection().removeAllRanges();
    window.stops = [];
    scrollTo(0, 0);
    // The walk begins at the top wherever the reader was: a place that is no stop of the Tab key.
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute('tabindex');
  });
  const stops = [];
  for (let n = 0; ; n++) {
    assert.ok(n < 120, `there is no end: ${stops.slice(-8).join(', ')}`);
    await page.keyboard.press('Tab');
    const at = await here(page);
    const step = await page.evaluate(() => {
      const { activeElement: element, body } = document;
      if (element === body || window.stops.includes(element)) return 'out';
      const before = window.stops.at(-1);
      window.stops.push(element);
      return !before || before.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING ? 'on' : 'back';
    });
    if (step === 'out') break;
    assert.equal(step, 'on', `${at.name} comes after ${stops.at(-1)} in the page`);
    assert.ok(at.seen && at.there, `the focus is not seen: ${JSON.stringify(at)}`);
    stops.push(at.name);
  }
  await page.evaluate(() => window.stops.at(-1).focus());
  for (const name of stops.slice(0, -1).reverse()) {
    await page.keyboard.press('Shift+Tab');
    assert.equal((await here(page)).name, name, 'backwards');
  }
  return stops;
};
