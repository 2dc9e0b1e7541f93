/** Removes secrets from text that leaves the process, wherever they appear in it. */
import { hostUrls } from './server-urls.ts';

/** Shorter secrets also occur in ordinary words; removing those would make logs unreadable. */
const SECRET_LENGTH_MIN = 8;
const REDACTED = '[redacted]';
/** `//user:password@` of any URL, up to the last `@` before its path. */
const CREDENTIALS_IN_URL = /(\/\/)[^\s/?#"'<>]*@/g;
const PASSWORD_IN_QUERY = /([?&](?:password|passwd|secret|token)=)[^&\s"'#]+/gi;

/**
 * Creates a function that removes `secrets` from a text, also in JSON or URL encoding, and the credentials of
 * every URL, known or not.
 *
 * It searches by value, because it is impossible to list all the places where a library may put a secret.
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const forms = new Set(
    secrets.flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
    ]),
  );
  // Longest first: one may be part of another.
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

/** The passwords in a URL, both as written and decoded; empty if there are none. */
export function secretsInUrl(url: string | undefined): string[] {
  // With several hosts, credentials and query are the same for all.
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
