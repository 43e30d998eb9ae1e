import { createAuth } from 'oauth2-wasm/react';
import { openClient } from 'oauth2-wasm/vault';
import worker from './auth-worker?worker&url';

export const auth = createAuth(() => openClient({ worker }));
