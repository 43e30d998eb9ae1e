// The phone of a user who signs in on the TV: the authorization server's pages in another tab.

/**
 * Opens the phone's tab by a link on the TV: `verification-uri`, or `verification-uri-complete` as
 * one who scans the QR code.
 */
export const openPhone = async (tab, link) => {
  const [page] = await Promise.all([tab.context.waitForEvent('page'), tab.at(link).click()]);
  await page.getByTestId('continue').waitFor();
  return page;
};

/** Goes from the code to the end: `approve` or `deny`. */
export const decide = async (page, decision) => {
  await page.getByTestId('continue').click();
  await page.getByTestId('login').or(page.getByTestId(decision)).waitFor();
  // The server may know the user already.
  if (await page.getByTestId('login').isVisible()) await page.getByTestId('login').click();
  await page.getByTestId(decision).click();
  await page.getByTestId('device-result').waitFor();
};
