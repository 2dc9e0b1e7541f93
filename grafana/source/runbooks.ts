/** Where the pages about alerts are found. Links in a message need a whole URL. */

/** The pages of the newest version. */
export const RUNBOOKS_BASE = 'https://github.com/pulse-metering/pulse/blob/main/docs/runbooks/';

const LINK = /(runbook_url: )\S*?([\w-]+\.md(?:#[\w-]+)?)$/gm;

/** The text of a file of alerts, or of their tests, with every `runbook_url` below `base`. */
export function withRunbooks(text: string, base: string): string {
  return text.replaceAll(LINK, (_link, key: string, page: string) => `${key}${base}${page}`);
}

/** @throws Error The text is not a URL of http or https. */
export function parseRunbooksUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    throw new Error(`--runbooks-url must be a URL such as ${RUNBOOKS_BASE}, not "${text}".`);
  }
  return text.endsWith('/') ? text : `${text}/`;
}
