/** A page that fails to draw leaves the menu usable. */
import { Component, type ReactNode } from 'react';
import { Failure } from './loaded.tsx';

interface Props {
  readonly children: ReactNode;
}

export class ErrorBoundary extends Component<Props, { readonly error: Error | undefined }> {
  override readonly state: { readonly error: Error | undefined } = { error: undefined };

  static getDerivedStateFromError(error: unknown) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <Failure
        error={error}
        retry={() => {
          // A new version of the console has other files than the one that is open.
          location.reload();
        }}
      />
    );
  }
}
