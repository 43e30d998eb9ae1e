;; The component's shim: the four functions of oauth2.wit in the canonical ABI, over the module behind it.
(module
  (import "oauth2" "memory" (memory 0))
  (import "oauth2" "_initialize" (func $initialize))
  (import "oauth2" "oauth2_alloc" (func $alloc (param i32) (result i32)))
  (import "oauth2" "oauth2_free" (func $free (param i32)))
  (import "oauth2" "oauth2_open" (func $oauth2_open (param i32 i32) (result i32)))
  (import "oauth2" "oauth2_input" (func $oauth2_input (param i32 i32 i32) (result i32)))
  (import "oauth2" "oauth2_effect" (func $oauth2_effect (param i32) (result i32)))
  (import "oauth2" "oauth2_close" (func $oauth2_close (param i32)))

  ;; Where the list that effect gives is described: address and length.
  (global $list (mut i32) (i32.const 0))

  (start $begin)
  (func $begin
    (call $initialize)
    (global.set $list (call $alloc (i32.const 8))))

  ;; Only new blocks are asked for. Without memory this must not give 0, where the runtime would then write.
  (func (export "cabi_realloc") (param $old i32) (param $was i32) (param $align i32) (param $n i32) (result i32)
    (local $p i32)
    (local.set $p (call $alloc (local.get $n)))
    (if (i32.and (i32.eqz (local.get $p)) (i32.ne (local.get $n) (i32.const 0))) (then (unreachable)))
    (local.get $p))

  (func (export "open") (param $p i32) (param $n i32) (result i32)
    (call $oauth2_open (local.get $p) (local.get $n))
    (call $free (local.get $p)))

  (func (export "input") (param $handle i32) (param $p i32) (param $n i32) (result i32)
    (call $oauth2_input (local.get $handle) (local.get $p) (local.get $n))
    (call $free (local.get $p)))

  (func (export "effect") (param $handle i32) (result i32)
    (local $p i32)
    (local.set $p (call $oauth2_effect (local.get $handle)))
    (if (local.get $p)
      (then
        (i32.store (global.get $list) (i32.add (local.get $p) (i32.const 4)))
        (i32.store offset=4 (global.get $list) (i32.load (local.get $p))))
      (else
        (i32.store (global.get $list) (i32.const 0))
        (i32.store offset=4 (global.get $list) (i32.const 0))))
    (global.get $list))

  (func (export "close") (param $handle i32)
    (call $oauth2_close (local.get $handle))))
