// Package redirect receives authorization responses in programs that run on a user's own machine
// (RFC 8252).
//
//   - SignIn waits on a loopback address: it opens the user's browser and serves the page at which the sign-in ends (section 7.3).
//     Listen is the part of it that receives, for programs with a window or rules of their own.
//   - HandleRedirect takes a URL that the operating system gave the program for its URI scheme (section 7.1).
//   - PasteCode lets the user carry the response over by hand, where no browser reaches the program.
//
// Any website can call a loopback port, and anybody can forge a reply. The client decides which
// response is the right one. SignIn itself looks only at the state, to know when to stop waiting.
package redirect
