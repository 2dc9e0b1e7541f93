/** What a page shows stands in its address, so that a link shows a colleague the same. */
import { useCallback } from 'react';
import { useSearchParams } from 'wouter';

/** `undefined` and '' remove a parameter. Replaces the entry of the browser's history unless `push` is true. */
export type SetParameters = (
  changes: Readonly<Record<string, string | undefined>>,
  options?: { push?: boolean },
) => void;

/** The parameters of the address, and how to change some of them. */
export function useParameters(): [URLSearchParams, SetParameters] {
  const [parameters, setParameters] = useSearchParams();
  const set = useCallback<SetParameters>(
    (changes, { push = false } = {}) => {
      setParameters(
        (before) => {
          const next = new URLSearchParams(before);
          for (const [name, value] of Object.entries(changes)) {
            if (value === undefined || value === '') next.delete(name);
            else next.set(name, value);
          }
          return next;
        },
        { replace: !push },
      );
    },
    [setParameters],
  );
  return [parameters, set];
}

/** One parameter; '' when the address does not have it. */
export function useParameter(name: string): [string, (value: string) => void] {
  const [parameters, set] = useParameters();
  return [
    parameters.get(name) ?? '',
    (value) => {
      set({ [name]: value });
    },
  ];
}

/** A parameter that the address may have several times. */
export function useValues(name: string): [string[], (values: readonly string[]) => void] {
  const [parameters, setParameters] = useSearchParams();
  return [
    parameters.getAll(name),
    (values) => {
      setParameters(
        (before) => {
          const next = new URLSearchParams(before);
          next.delete(name);
          for (const value of values) next.append(name, value);
          return next;
        },
        { replace: true },
      );
    },
  ];
}
