/** Cancels, restarts, and takes back what is scheduled. */
import { Text } from '@mantine/core';
import { useState } from 'react';
import { newUuid } from '../../api/new-uuid.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { InstantInput } from '../../parts/instant-input.tsx';
import { Time } from '../../parts/time.tsx';
import {
  changeStatus,
  refreshSubscriptions,
  withdraw,
  type Change,
  type ChangeKind,
  type Subscription,
} from './subscription-queries.ts';

export function ChangeStatus({
  subscription,
  kind,
}: {
  readonly subscription: Subscription;
  readonly kind: ChangeKind;
}) {
  const [effectiveAt, setEffectiveAt] = useState('');
  // The same for every try of one change, so that a lost answer does not change it twice.
  const [key, setKey] = useState(newUuid);
  const { id, user_id, sku } = subscription;
  const product = sku ?? 'every product';
  const label = kind === 'canceled' ? 'Cancel subscription' : 'Restart subscription';
  return (
    <ConfirmButton
      label={label}
      {...(kind === 'canceled' ? { color: 'red' } : {})}
      run={() => changeStatus(id, kind, { effectiveAt, key })}
      onDone={refreshSubscriptions}
    >
      <Text size="sm" mb="xs">
        {kind === 'canceled' ? (
          <>
            <b>{user_id}</b> no longer has <b>{product}</b> from <When at={effectiveAt} /> on. Usage
            before that still counts. It can be restarted.
          </>
        ) : (
          <>
            <b>{user_id}</b> has <b>{product}</b> again from <When at={effectiveAt} /> on.
          </>
        )}
      </Text>
      <InstantInput
        label="When"
        description="Empty: at once. A change in the future can be withdrawn until then."
        value={effectiveAt}
        onChange={(instant) => {
          setEffectiveAt(instant);
          setKey(newUuid());
        }}
      />
    </ConfirmButton>
  );
}

function When({ at }: { readonly at: string }) {
  return at === '' ? 'now' : <Time at={at} />;
}

export function Withdraw({
  subscription,
  change,
}: {
  readonly subscription: Subscription;
  readonly change: Change;
}) {
  const isPurchase = change.kind === 'purchased';
  return (
    <ConfirmButton
      label="Withdraw"
      run={() => withdraw(subscription.id, change.number)}
      onDone={refreshSubscriptions}
    >
      <Text size="sm">
        It will not be {change.kind} at <Time at={change.effective_at} />. The subscription{' '}
        {isPurchase ? 'is canceled then.' : 'stays as it is.'}
      </Text>
    </ConfirmButton>
  );
}
