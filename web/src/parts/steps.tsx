/** What happened to a thing, in the order in which it happened. */
import type { ReactNode } from 'react';
import { Time } from './time.tsx';

export interface Step {
  readonly key: string;
  readonly title: ReactNode;
  readonly at: string | null;
  readonly children?: ReactNode;
  /** The color of its dot. */
  readonly tone?: 'good' | 'bad' | 'waiting' | undefined;
}

export function Steps({
  label,
  steps,
}: {
  readonly label: string;
  readonly steps: readonly Step[];
}) {
  return (
    <ol className="steps" aria-label={label}>
      {steps.map(({ key, title, at, children, tone }) => (
        <li key={key} className={tone}>
          <span className="step-title">{title}</span>{' '}
          <span className="step-time">
            <Time at={at} />
          </span>
          {children === undefined || children === null ? null : <div>{children}</div>}
        </li>
      ))}
    </ol>
  );
}
