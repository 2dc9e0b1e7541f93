/** Several names, of which each may have commas and differ from another in case alone. */
import { TagsInput, type TagsInputProps } from '@mantine/core';

export function NamesInput(props: Omit<TagsInputProps, 'splitChars' | 'isDuplicate'>) {
  return (
    <TagsInput {...props} splitChars={[]} isDuplicate={(name, names) => names.includes(name)} />
  );
}
