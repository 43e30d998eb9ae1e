// Package oauthtest has the two suites that every host of the engine passes, as Go tests:
// RunTranscripts replays recorded conversations with an engine byte for byte, and RunContract has a
// host's hands (HTTP, Store, Locker, timers) work against a live server.
//
// Both suites are data, core/contract/client/*.txt and core/contract/contract.json, so that hosts
// in other languages run them too. Handler is the server that the contract needs; command
// contractserver serves it to those hosts.
//
// # The format of contract.json
//
// An array of cases: name, covers (ids of behaviours) and steps. Each case gets a session of kind
// "contract", a store and locks of its own. {server} in any string stands for the base URL of the
// server. A step has one of these verbs:
//
//	{"perform":{effect},"as":"a"}           give the command perform; "command":"a" in the effect becomes the id of that perform
//	{"expect":"a","answer":{…}}              the answer of a comes, however late (Patience), and matches
//	{"pending":"a","ms":N}                  N ms later a has no answer still
//	{"close":true}                          close the session; performs that have no answer get none
//	{"fault":"store","times":N}             the next N store operations of the host's store fail
//	{"get":"{server}/path","json":{…}}      fetch the server and match its answer
//
// An expected value matches an object that has its members with matching values, an array of the
// same length with matching elements, and otherwise only what is equal. {"$bytes":N} matches a body
// of N bytes, a missing body being empty. {"$absent":true} matches nothing there, and
// {"$save":NAME} something, which is kept for the rest of the case: {"$same":NAME} matches what is
// equal to it, {"$other":NAME} something else, and {"$use":NAME} in an effect stands for it.
// Headers match after those of one name were joined by ", ", and others may stand beside them. An
// answer is what stands under "answer" in the result of perform.
package oauthtest
