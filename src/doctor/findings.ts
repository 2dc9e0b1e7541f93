/** The three kinds of findings that `pulse doctor` reports, and a check of versions. */
import type { Finding } from '../aggregate/redis-durability.ts';

export function ok(name: string, detail: string): Finding {
  return { name, status: 'ok', detail };
}

export function warning(name: string, detail: string): Finding {
  return { name, status: 'warning', detail };
}

export function danger(name: string, detail: string): Finding {
  return { name, status: 'danger', detail };
}

/** A version older than any that Pulse was tested with is a danger. */
export function atLeast(name: string, version: string, oldest: string): Finding {
  const numbers = (text: string): number[] => text.split(/[. ]/).slice(0, 2).map(Number);
  const [major = Number.NaN, minor = Number.NaN] = numbers(version);
  const [oldestMajor = 0, oldestMinor = 0] = numbers(oldest);
  if (Number.isNaN(major)) {
    return warning(name, `"${version}" is not understood; Pulse needs ${oldest} or later`);
  }
  const isOld = major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
  return isOld
    ? danger(name, `${version} is too old: Pulse needs ${oldest} or later`)
    : ok(name, version);
}
