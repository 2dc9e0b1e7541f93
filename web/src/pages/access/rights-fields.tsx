/** The role and the tenants of a user or a key. */
import { Checkbox, Select } from '@mantine/core';
import { useState } from 'react';
import type { Role } from '../../api/me.ts';
import { NamesInput } from '../../parts/names-input.tsx';

export interface Rights {
  readonly role: Role;
  readonly tenants: 'all' | readonly string[];
}

export const NO_RIGHTS: Rights = { role: 'viewer', tenants: [] };

const ROLES: readonly { readonly value: Role; readonly label: string }[] = [
  { value: 'viewer', label: 'viewer: reads' },
  { value: 'operator', label: 'operator: also sends and repairs' },
  { value: 'admin', label: 'admin: everything, for all tenants' },
];

export function RightsFields({
  rights,
  onChange,
}: {
  readonly rights: Rights;
  readonly onChange: (rights: Rights) => void;
}) {
  const { role, tenants } = rights;
  // To come back from `admin`, which has all, without more tenants than before.
  const [earlier, setEarlier] = useState(role === 'admin' ? [] : tenants);
  return (
    <>
      <Select
        label="Role"
        data={ROLES}
        value={role}
        allowDeselect={false}
        onChange={(value) => {
          const chosen = value ?? 'viewer';
          if (chosen === 'admin') onChange({ role: chosen, tenants: 'all' });
          else onChange({ role: chosen, tenants: role === 'admin' ? earlier : tenants });
          if (role !== 'admin') setEarlier(tenants);
        }}
      />
      <Checkbox
        label="All tenants"
        checked={tenants === 'all'}
        disabled={role === 'admin'}
        description={role === 'admin' ? 'An admin has all tenants.' : undefined}
        onChange={(event) => {
          const isAll = event.currentTarget.checked;
          if (isAll) setEarlier(tenants);
          onChange({ role, tenants: isAll ? 'all' : earlier === 'all' ? [] : earlier });
        }}
      />
      {tenants === 'all' ? null : (
        <NamesInput
          label="Tenants"
          description="Enter after each name"
          value={[...tenants]}
          onChange={(names) => {
            onChange({ role, tenants: names });
          }}
        />
      )}
    </>
  );
}

/** For the body of a request. */
export function rightsOf({ role, tenants }: Rights) {
  return { role, tenants: tenants === 'all' ? ('all' as const) : [...tenants] };
}

export function rightsFaults({ tenants }: Rights): readonly string[] {
  return tenants === 'all' || tenants.length > 0
    ? []
    : ['A tenant is missing: type its name and press Enter, or choose all tenants.'];
}

export function scopeText(tenants: 'all' | readonly string[]): string {
  return tenants === 'all' ? 'all tenants' : tenants.join(', ');
}
