export * from '../../js/src/seal.js';
