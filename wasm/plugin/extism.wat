;; The Extism plugin's shim: its functions take and give bytes through the memory of Extism's kernel
;; (input_load_…, store_…), and call the module behind it. core/contract/HOSTS.md has their shape.
(module
  (import "oauth2" "memory" (memory 0))
  (import "oauth2" "_initialize" (func $initialize))
  (import "oauth2" "oauth2_alloc" (func $alloc (param i32) (result i32)))
  (import "oauth2" "oauth2_free" (func $free (param i32)))
  (import "oauth2" "oauth2_open" (func $oauth2_open (param i32 i32) (result i32)))
  (import "oauth2" "oauth2_input" (func $oauth2_input (param i32 i32 i32) (result i32)))
  (import "oauth2" "oauth2_effect" (func $oauth2_effect (param i32) (result i32)))
  (import "oauth2" "oauth2_close" (func $oauth2_close (param i32)))

  (import "extism:host/env" "input_length" (func $length (result i64)))
  (import "extism:host/env" "input_load_u8" (func $load8 (param i64) (result i32)))
  (import "extism:host/env" "input_load_u64" (func $load64 (param i64) (result i64)))
  (import "extism:host/env" "alloc" (func $kernel_alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store8 (param i64 i32)))
  (import "extism:host/env" "store_u64" (func $store64 (param i64 i64)))
  (import "extism:host/env" "output_set" (func $output (param i64 i64)))

  ;; The message behind $from, in a buffer of the module's; both 0 where there is no memory for it.
  (global $message (mut i32) (i32.const 0))
  (global $size (mut i32) (i32.const 0))

  (start $begin)
  (func $begin (call $initialize))

  (func $take (param $from i64)
    (local $n i32) (local $i i32)
    (global.set $message (i32.const 0))
    (global.set $size (i32.const 0))
    (if (i64.le_u (call $length) (local.get $from)) (then (return)))
    ;; Above 1 MiB the module gives no buffer; a length that no i32 holds is above it too.
    (if (i64.gt_u (call $length) (i64.const 0x7fffffff)) (then (return)))
    (local.set $n (i32.wrap_i64 (i64.sub (call $length) (local.get $from))))
    (global.set $message (call $alloc (local.get $n)))
    (if (i32.eqz (global.get $message)) (then (return)))
    (global.set $size (local.get $n))
    (block $done
      (loop $eight
        (br_if $done (i32.gt_u (i32.add (local.get $i) (i32.const 8)) (local.get $n)))
        (i64.store align=1 (i32.add (global.get $message) (local.get $i))
          (call $load64 (i64.add (local.get $from) (i64.extend_i32_u (local.get $i)))))
        (local.set $i (i32.add (local.get $i) (i32.const 8)))
        (br $eight)))
    (block $done
      (loop $one
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (i32.store8 (i32.add (global.get $message) (local.get $i))
          (call $load8 (i64.add (local.get $from) (i64.extend_i32_u (local.get $i)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $one))))

  ;; The handle in the first four bytes, little endian; 0, which is nobody's, where they are fewer.
  (func $handle (result i32)
    (if (i64.lt_u (call $length) (i64.const 4)) (then (return (i32.const 0))))
    (i32.or
      (i32.or (call $load8 (i64.const 0)) (i32.shl (call $load8 (i64.const 1)) (i32.const 8)))
      (i32.or (i32.shl (call $load8 (i64.const 2)) (i32.const 16)) (i32.shl (call $load8 (i64.const 3)) (i32.const 24)))))

  ;; $p with $n bytes, or nothing, is what the function gives.
  (func $give (param $p i32) (param $n i32)
    (local $at i64) (local $i i32)
    (local.set $at (call $kernel_alloc (i64.extend_i32_u (local.get $n))))
    (block $done
      (loop $eight
        (br_if $done (i32.gt_u (i32.add (local.get $i) (i32.const 8)) (local.get $n)))
        (call $store64 (i64.add (local.get $at) (i64.extend_i32_u (local.get $i)))
          (i64.load align=1 (i32.add (local.get $p) (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 8)))
        (br $eight)))
    (block $done
      (loop $one
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (call $store8 (i64.add (local.get $at) (i64.extend_i32_u (local.get $i)))
          (i32.load8_u (i32.add (local.get $p) (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $one)))
    (call $output (local.get $at) (i64.extend_i32_u (local.get $n))))

  (func $give_number (param $value i32)
    (local $at i64) (local $i i64)
    (local.set $at (call $kernel_alloc (i64.const 4)))
    (loop $byte
      (call $store8 (i64.add (local.get $at) (local.get $i)) (i32.and (local.get $value) (i32.const 255)))
      (local.set $value (i32.shr_u (local.get $value) (i32.const 8)))
      (local.set $i (i64.add (local.get $i) (i64.const 1)))
      (br_if $byte (i64.lt_u (local.get $i) (i64.const 4))))
    (call $output (local.get $at) (i64.const 4)))

  ;; message -> handle
  (func (export "open") (result i32)
    (call $take (i64.const 0))
    (call $give_number (call $oauth2_open (global.get $message) (global.get $size)))
    (call $free (global.get $message))
    (i32.const 0))

  ;; handle, message -> code
  (func (export "input") (result i32)
    (call $take (i64.const 4))
    (if (i32.and (i32.eqz (global.get $message)) (i64.gt_u (call $length) (i64.const 4)))
      (then (call $give_number (i32.const 3)))
      (else
        (call $give_number (call $oauth2_input (call $handle) (global.get $message) (global.get $size)))
        (call $free (global.get $message))))
    (i32.const 0))

  ;; handle -> effect, or nothing
  (func (export "effect") (result i32)
    (local $p i32)
    (local.set $p (call $oauth2_effect (call $handle)))
    (if (local.get $p)
      (then (call $give (i32.add (local.get $p) (i32.const 4)) (i32.load (local.get $p)))))
    (i32.const 0))

  ;; handle -> nothing
  (func (export "close") (result i32)
    (call $oauth2_close (call $handle))
    (i32.const 0)))
