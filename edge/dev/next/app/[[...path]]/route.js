// All paths, since a test's configuration says which ones are the backend's.
import { nextHandlers } from 'oauth2-wasm/bff';
import { open } from '../../backend.mjs';

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = nextHandlers(open);
