import { finishPopup } from '../../js/src/popup.js';
import { byId } from './dom.js';

// The page that opened this window closes it.
if (!(await finishPopup())) {
  byId('closing').textContent = 'The page that asked for this sign-in is gone, or has this answer already. You can close this window.';
  byId('closing-way').hidden = false;
}
