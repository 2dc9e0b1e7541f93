/** Text fields of one thing, in a dialog. */
import { Stack, TextInput } from '@mantine/core';

export interface Field<Name extends string> {
  readonly name: Name;
  readonly label: string;
  readonly required?: boolean;
  readonly placeholder?: string;
}

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
      {fields.map(({ name, label, required = false, placeholder }) => (
        <TextInput
          key={name}
          size="xs"
          label={label}
          required={required}
          placeholder={placeholder}
          value={values[name]}
          onChange={(event) => {
            onChange({ ...values, [name]: event.currentTarget.value });
          }}
        />
      ))}
    </Stack>
  );
}
