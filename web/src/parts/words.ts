/** Numbers and ages as people read them. */

/** The digits as they are, in groups of three. Takes text too, because amounts are longer than a float. */
export function digits(value: number | string | bigint): string {
  const [, sign = '', whole = '', rest = ''] = /^(-?)(\d+)(.*)$/s.exec(String(value)) ?? [];
  if (whole === '') return String(value);
  return `${sign}${whole.replace(/\B(?=(\d{3})+$)/g, '\u202f')}${rest}`;
}

export function count(value: number | string, one: string, many = `${one}s`): string {
  return `${digits(value)} ${String(value) === '1' ? one : many}`;
}

const STEPS = [
  { limit: 60, seconds: 1, unit: 's' },
  { limit: 3_600, seconds: 60, unit: 'min' },
  { limit: 86_400, seconds: 3_600, unit: 'h' },
  { limit: Infinity, seconds: 86_400, unit: 'd' },
] as const;

/** Such as `18 min`. */
export function duration(seconds: number): string {
  const step = STEPS.find(({ limit }) => seconds < limit) ?? STEPS[3];
  return `${Math.max(0, Math.floor(seconds / step.seconds))} ${step.unit}`;
}

export function ago(at: Date, nowMs = Date.now()): string {
  const seconds = (nowMs - at.getTime()) / 1_000;
  return seconds < 0 ? `in ${duration(-seconds)}` : `${duration(seconds)} ago`;
}

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function bytes(value: number): string {
  let rest = value;
  let step = 0;
  while (rest >= 1_024 && step < BYTES.length - 1) {
    rest /= 1_024;
    step += 1;
  }
  return `${step === 0 ? rest : rest.toFixed(1)} ${BYTES[step] ?? 'TiB'}`;
}
