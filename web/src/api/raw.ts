/** An answer of the API as its text, where even the digits and spaces of a part are shown. */
import { fetchApi, problemOf } from './client.ts';

/** @throws ApiProblem */
export async function rawAnswer(
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const url = `${location.origin}${path}?${new URLSearchParams(query).toString()}`;
  const response = await fetchApi(new Request(url, { signal }));
  if (!response.ok) throw await problemOf(response);
  return response.text();
}
