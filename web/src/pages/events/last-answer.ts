/** What came of the last attempt to deliver, in words. */

/** The words of the API for why there was no whole answer, or none that counts. */
const FAILURES: Readonly<Record<string, string>> = {
  timeout: 'no answer within the time limit',
  connect_timeout: 'no answer: no connection within the time limit',
  refused_address: 'not sent: the address is not allowed',
  connection_refused: 'no answer: the connection was refused',
  connection_reset: 'no answer: the connection was cut',
  dns: 'no answer: host name not found',
  tls: 'no answer: its certificate was not accepted',
  invalid_answer: 'the answer was no valid HTTP',
  answer_too_large: 'no status within the first 64 KiB of the answer',
  redirect: 'a redirect, which is not followed',
  message_expired: 'not sent: its message is no longer stored',
  other: 'no answer',
};

/** A word that is newer than this console stays as it is. */
export function failureText(error: string): string {
  return FAILURES[error] ?? error;
}

export function answerText(statusCode: number | null, error: string | null): string {
  const status = statusCode === null ? [] : [`status ${statusCode}`];
  const failure = error === null ? [] : [failureText(error)];
  return [...status, ...failure].join(': ') || '–';
}
