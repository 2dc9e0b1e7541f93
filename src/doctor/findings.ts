/** The three kinds of findings that `pulse doctor` reports. */
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
