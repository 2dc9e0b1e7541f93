/** Registers an event type, or a new version of one. */
import { Checkbox, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api, dataOf } from '../../api/client.ts';
import { hasRole, useMe } from '../../api/me.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { emptyFields } from '../../parts/missing.ts';
import { refresh, type EventType } from './event-queries.ts';

const EMPTY_SCHEMA = '{\n  "type": "object",\n  "properties": {},\n  "required": []\n}';

export function TypeForm({ label, type }: { readonly label: string; readonly type?: EventType }) {
  const me = useMe();
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [schema, setSchema] = useState(EMPTY_SCHEMA);
  const [force, setForce] = useState(false);
  if (!hasRole(me, 'operator') || me?.tenants !== undefined) return null;
  return (
    <ConfirmButton
      label={label}
      confirmLabel="Store"
      onOpen={() => {
        if (type === undefined) return;
        setName(type.name);
        setDescription(type.description ?? '');
        setSchema(JSON.stringify(type.schema, null, 2));
      }}
      missing={emptyFields({ Name: name, Schema: schema })}
      run={async () => {
        const stored = await dataOf(
          api.PUT('/api/v1/event-types/{name}', {
            params: { path: { name }, query: force ? { force: 'true' } : {} },
            body: {
              schema: parsedSchema(schema),
              ...(description === '' ? {} : { description }),
            },
          }),
        );
        return `${stored.name} has version ${stored.version}.`;
      }}
      onDone={() => {
        refresh('types');
      }}
    >
      <TextInput
        label="Name"
        required
        disabled={type !== undefined}
        value={name}
        onChange={(event) => {
          setName(event.currentTarget.value);
        }}
      />
      <TextInput
        label="Description"
        value={description}
        onChange={(event) => {
          setDescription(event.currentTarget.value);
        }}
      />
      <Textarea
        label="Schema"
        description="JSON Schema 2020-12. Events are checked against the newest version."
        className="mono"
        rows={12}
        spellCheck={false}
        value={schema}
        onChange={(event) => {
          setSchema(event.currentTarget.value);
        }}
      />
      {type === undefined ? null : (
        <Checkbox
          mt="sm"
          label="Store it even if it refuses what the version before it accepts"
          checked={force}
          onChange={(event) => {
            setForce(event.currentTarget.checked);
          }}
        />
      )}
    </ConfirmButton>
  );
}

function parsedSchema(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new Error(`The schema is not JSON: ${(error as Error).message}`, { cause: error });
  }
}
