/** Text fields of one thing, in a dialog. */
import { Autocomplete, Stack, TextInput } from '@mantine/core';

export interface Field<Name extends string> {
  readonly name: Name;
  readonly label: string;
  readonly required?: boolean;
  readonly placeholder?: string;
  /** What is known. Any other text can be typed, too. */
  readonly choices?: readonly string[];
}

const SHOWN_CHOICES_MAX = 50;

export function FormFields<Name extends string>({
  fields,
  values,
  onChange,
}: {
  readonly fields: readonly Field<Name>[];
  readonly values: Readonly<Record<Name, string>>;
  readonly onChange: (values: Record<Name, string>) => void;
}) {
  return (
    <Stack gap="xs">
      {fields.map(({ name, choices, ...field }) => {
        const given = { ...field, size: 'xs', value: values[name] };
        return choices === undefined ? (
          <TextInput
            key={name}
            {...given}
            onChange={(event) => {
              onChange({ ...values, [name]: event.currentTarget.value });
            }}
          />
        ) : (
          <Autocomplete
            key={name}
            {...given}
            data={[...choices]}
            limit={SHOWN_CHOICES_MAX}
            // The dialog is the landmark that a screen reader is in.
            comboboxProps={{ withinPortal: false }}
            onChange={(value) => {
              onChange({ ...values, [name]: value });
            }}
          />
        );
      })}
    </Stack>
  );
}
