// oauth2-wasm/bff on Express.
import { javascript } from '../lib/javascript.mjs';

export default javascript('express');
