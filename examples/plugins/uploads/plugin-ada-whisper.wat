;; whispers. Written by hand: no SDK, no WASI, nothing but the type of its function.
(component
  (core module $module
    (memory (export "memory") 1)
    (global $free (mut i32) (i32.const 64))
    ;; Room for the text that comes in. Where there is none the host cannot put it there, and the call fails.
    (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
      (global.get $free)
      (global.set $free (i32.add (global.get $free) (local.get $size))))
    (func (export "render") (param $text i32) (param $length i32) (result i32)
      (local $at i32)
      (block $done
        (loop $next
          (br_if $done (i32.eq (local.get $at) (local.get $length)))
          (call $change (i32.add (local.get $text) (local.get $at)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next)))
      ;; The result is where the text is, and how long: at 16.
      (i32.store (i32.const 16) (local.get $text))
      (i32.store (i32.const 20) (local.get $length))
      (i32.const 16))
    ;; A to Z are 65 to 90, and 32 below a to z.
    (func $change (param $at i32)
      (local $letter i32)
      (local.set $letter (i32.load8_u (local.get $at)))
      (if (i32.and
            (i32.ge_u (local.get $letter) (i32.const 65))
            (i32.le_u (local.get $letter) (i32.const 90)))
        (then (i32.store8 (local.get $at) (i32.xor (local.get $letter) (i32.const 32)))))))
  (core instance $instance (instantiate $module))
  (func (export "render") (param "text" string) (result string)
    (canon lift
      (core func $instance "render")
      (memory (core memory $instance "memory"))
      (realloc (core func $instance "realloc")))))
