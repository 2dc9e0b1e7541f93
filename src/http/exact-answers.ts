/** Answers with a member `data` that is JSON text already: a number that is parsed and written again may lose digits. */

interface WithData {
  /** JSON text. */
  readonly data?: unknown;
}

/** The JSON text of an object with `data`. */
export function objectText({ data, ...head }: WithData): string {
  return `${JSON.stringify(head).slice(0, -1)},"data":${String(data)}}`;
}

/** The JSON text of a page of them. */
export function pageText({
  data,
  next,
}: {
  readonly data: readonly WithData[];
  readonly next: string | null;
}): string {
  return `{"data":[${data.map(objectText).join(',')}],"next":${JSON.stringify(next)}}`;
}

/** The `serializerCompiler` of a route. Problems have no data, so any way of writing them will do. */
export function writeWith(write: (answer: never) => string) {
  return ({ httpStatus }: { readonly httpStatus?: string }) =>
    (answer: unknown) =>
      httpStatus?.startsWith('2') === true ? write(answer as never) : JSON.stringify(answer);
}
