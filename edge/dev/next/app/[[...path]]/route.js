// All paths, since a test's configuration says which ones are the backend's.
import { after } from 'next/server';
import { nextHandlers } from 'oauth2-wasm/bff';
import { opened } from '../../opened.mjs';

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = nextHandlers(opened, { after });
