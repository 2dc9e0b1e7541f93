/** Saves an answer of the API as a file. The browser itself could not send the token. */
import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { fetchApi, problemOf } from '../api/client.ts';
import { notify } from './notices.tsx';

export function DownloadButton({
  label,
  path,
  fileName,
}: {
  readonly label: string;
  /** With its parameters, below the origin. */
  readonly path: string;
  readonly fileName: string;
}) {
  const download = useMutation({
    mutationFn: async () => {
      saveAs(await fileAt(path), fileName);
    },
    onError: (error) => {
      notify(`The file was not saved. ${error.message}`);
    },
  });
  return (
    <Button
      size="xs"
      variant="default"
      loading={download.isPending}
      onClick={() => {
        download.mutate();
      }}
    >
      {label}
    </Button>
  );
}

export function saveAs(file: Blob, fileName: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
  // The browser has begun to read it by the next turn.
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 1_000);
}

/** @throws ApiProblem */
async function fileAt(path: string): Promise<Blob> {
  const response = await fetchApi(new Request(new URL(path, location.origin)));
  if (!response.ok) throw await problemOf(response);
  return response.blob();
}
