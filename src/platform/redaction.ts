/** Taking secrets out of text that leaves the process, wherever in it they stand. */

import { hostUrls } from './server-urls.ts';

/** Shorter ones are parts of ordinary words, and taking those out would leave nothing readable. */
const SECRET_LENGTH_MIN = 8;
const REDACTED = '[redacted]';
/** `//user:password@` of any URL, up to the last `@` before its path. */
const CREDENTIALS_IN_URL = /(\/\/)[^\s/?#"'<>]*@/g;
const PASSWORD_IN_QUERY = /([?&](?:password|passwd|secret|token)=)[^&\s"'#]+/gi;

/**
 * Creates a function that takes `secrets` out of a text, as they are and as JSON or a URL writes them, and
 * the credentials of every URL, known or not.
 *
 * By value, because nobody can list all the places in which a library may put what it was given.
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const forms = new Set(
    secrets.flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
    ]),
  );
  // The longest first: one may be a part of another.
  const values = [...forms]
    .filter(({ length }) => length >= SECRET_LENGTH_MIN)
    .sort((one, other) => other.length - one.length);
  return (text) => {
    let redacted = text;
    for (const value of values) redacted = redacted.replaceAll(value, REDACTED);
    return redacted
      .replace(CREDENTIALS_IN_URL, `$1${REDACTED}@`)
      .replace(PASSWORD_IN_QUERY, `$1${REDACTED}`);
  };
}

/** The password of a URL as it is written there and as it is meant; none for a URL without one. */
export function secretsInUrl(url: string | undefined): string[] {
  // Several hosts share what stands before and after them.
  const [first = ''] = hostUrls(url ?? '');
  if (!URL.canParse(first)) return [];
  const { password, searchParams } = new URL(first);
  const inQuery = searchParams.get('password') ?? '';
  return [password, decoded(password), inQuery].filter((secret) => secret !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
