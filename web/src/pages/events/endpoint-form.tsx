/** Creates an endpoint, or changes one. */
import { Checkbox, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { hasRole, useMe } from '../../api/me.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { emptyFields } from '../../parts/missing.ts';
import { NamesInput } from '../../parts/names-input.tsx';
import { SecretOnce } from '../../parts/secret-once.tsx';
import { putEndpoint, type EndpointBody } from './endpoint-queries.ts';
import { refresh, type Endpoint } from './event-queries.ts';

interface Fields {
  readonly id: string;
  readonly client: string;
  readonly url: string;
  readonly description: string;
  readonly types: string[];
  /** JSON, or ''. */
  readonly filter: string;
  readonly fifo: boolean;
  readonly rate: string;
}

const EMPTY: Fields = {
  ...{ id: '', client: '', url: '', description: '', filter: '', rate: '' },
  types: [],
  fifo: false,
};

export function EndpointForm({
  label,
  endpoint,
}: {
  readonly label: string;
  readonly endpoint?: Endpoint;
}) {
  const me = useMe();
  const [fields, setFields] = useState(EMPTY);
  const [secret, setSecret] = useState<string>();
  if (!hasRole(me, 'operator')) return null;
  const set = (changes: Partial<Fields>) => {
    setFields((before) => ({ ...before, ...changes }));
  };
  return (
    <>
      <ConfirmButton
        label={label}
        confirmLabel="Store"
        onOpen={() => {
          if (endpoint !== undefined) setFields(fromApi(endpoint));
        }}
        missing={emptyFields({ Id: fields.id, Client: fields.client, URL: fields.url })}
        run={async () => {
          const stored = await putEndpoint(fields.id, toApi(fields));
          if ('secret' in stored) setSecret(stored.secret);
          return `The endpoint ${fields.id} is stored.`;
        }}
        onDone={() => {
          refresh('endpoints');
        }}
      >
        <FormFields fields={fields} set={set} isNew={endpoint === undefined} />
      </ConfirmButton>
      <SecretOnce
        secret={secret}
        onClose={() => {
          setSecret(undefined);
          setFields(EMPTY);
        }}
      >
        {`The receiver verifies the webhooks of ${fields.id} with this secret.`}
      </SecretOnce>
    </>
  );
}

function FormFields({
  fields,
  set,
  isNew,
}: {
  readonly fields: Fields;
  readonly set: (changes: Partial<Fields>) => void;
  readonly isNew: boolean;
}) {
  const text = (name: 'id' | 'client' | 'url' | 'description' | 'rate') => ({
    value: fields[name],
    onChange: (event: { readonly currentTarget: { readonly value: string } }) => {
      set({ [name]: event.currentTarget.value });
    },
  });
  return (
    <>
      <TextInput label="Id" required disabled={!isNew} maxLength={128} {...text('id')} />
      <TextInput
        label="Client"
        description="The id of a customer, which must exist. It never changes."
        required
        disabled={!isNew}
        maxLength={128}
        {...text('client')}
      />
      <TextInput label="URL" required type="url" {...text('url')} />
      <TextInput label="Description" maxLength={1_024} {...text('description')} />
      <NamesInput
        label="Types"
        description="Only events of these types. None: all types."
        value={fields.types}
        onChange={(types) => {
          set({ types });
        }}
      />
      <Textarea
        label="Filter"
        description={
          'Members of data and the values that they must have, as JSON: {"kind":"invoice"}.'
        }
        className="mono"
        rows={2}
        value={fields.filter}
        onChange={(event) => {
          set({ filter: event.currentTarget.value });
        }}
      />
      <TextInput
        label="Rate"
        description="At most this many a second. Empty: no limit."
        inputMode="numeric"
        {...text('rate')}
      />
      <Checkbox
        mt="sm"
        label="One after another, in the order of their numbers"
        checked={fields.fifo}
        onChange={(event) => {
          set({ fifo: event.currentTarget.checked });
        }}
      />
    </>
  );
}

function fromApi(endpoint: Endpoint): Fields {
  const { id, client, url, description, types, filter, fifo, rate_per_second } = endpoint;
  return {
    ...{ id, client, url, fifo },
    description: description ?? '',
    types: types ?? [],
    filter: filter === null ? '' : JSON.stringify(filter),
    rate: rate_per_second === null ? '' : String(rate_per_second),
  };
}

function toApi({ client, url, description, types, filter, fifo, rate }: Fields): EndpointBody {
  return {
    ...{ client, url, fifo },
    ...(description === '' ? {} : { description }),
    ...(types.length === 0 ? {} : { types }),
    ...(filter.trim() === '' ? {} : { filter: parsedFilter(filter) }),
    ...(rate === '' ? {} : { rate_per_second: Number(rate) }),
  };
}

function parsedFilter(text: string): NonNullable<EndpointBody['filter']> {
  try {
    return JSON.parse(text) as NonNullable<EndpointBody['filter']>;
  } catch (error) {
    throw new Error(`The filter is not JSON: ${(error as Error).message}`, { cause: error });
  }
}
