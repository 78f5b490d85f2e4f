;; Has the first granted folder, and asks for one file there. What it writes is dots.
(component
  (import "wasi:filesystem/types@0.2.0" (instance $fs
    (export "descriptor" (type $d (sub resource)))
    (type $c (enum "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota" "exist" "file-too-large"
      "illegal-byte-sequence" "in-progress" "interrupted" "invalid" "io" "is-directory" "loop" "too-many-links" "message-size"
      "name-too-long" "no-device" "no-entry" "no-lock" "insufficient-memory" "insufficient-space" "not-directory" "not-empty"
      "not-recoverable" "unsupported" "no-tty" "no-such-device" "overflow" "not-permitted" "pipe" "read-only" "invalid-seek"
      "text-file-busy" "cross-device"))
    (export "error-code" (type $ce (eq $c)))
    (type $pf (flags "symlink-follow")) (export "path-flags" (type $pfe (eq $pf)))
    (type $of (flags "create" "directory" "exclusive" "truncate")) (export "open-flags" (type $ofe (eq $of)))
    (type $df (flags "read" "write" "file-integrity-sync" "data-integrity-sync" "requested-write-sync" "mutate-directory"))
    (export "descriptor-flags" (type $dfe (eq $df)))
    (type $dt (record (field "seconds" u64) (field "nanoseconds" u32))) (export "datetime" (type $dte (eq $dt)))
    (type $nt (variant (case "no-change") (case "now") (case "timestamp" $dte))) (export "new-timestamp" (type $nte (eq $nt)))
    (export "[method]descriptor.open-at" (func (param "self" (borrow $d)) (param "path-flags" $pfe) (param "path" string)
      (param "open-flags" $ofe) (param "flags" $dfe) (result (result (own $d) (error $ce)))))
    (export "[method]descriptor.set-times-at" (func (param "self" (borrow $d)) (param "path-flags" $pfe) (param "path" string)
      (param "data-access-timestamp" $nte) (param "data-modification-timestamp" $nte) (result (result (error $ce)))))
    (export "[method]descriptor.write" (func (param "self" (borrow $d)) (param "buffer" (list u8)) (param "offset" u64)
      (result (result u64 (error $ce)))))))
  (alias export $fs "descriptor" (type $desc))
  (import "wasi:filesystem/preopens@0.2.0" (instance $pre
    (alias outer 1 $desc (type $d)) (export "descriptor" (type $d2 (eq $d)))
    (export "get-directories" (func (result (list (tuple (own $d2) string)))))))
  (core module $mem
    (memory (export "memory") 80)
    (global $at (mut i32) (i32.const 1024))
    (data (i32.const 512) "file")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local i32)
      (local.set 4 (global.get $at))
      (global.set $at (i32.and (i32.add (i32.add (global.get $at) (local.get 3)) (i32.const 15)) (i32.const -8)))
      (local.get 4)))
  (core instance $m (instantiate $mem))
  (core func $dirs (canon lower (func $pre "get-directories") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (core func $open (canon lower (func $fs "[method]descriptor.open-at") (memory (core memory $m "memory"))))
  (core func $write (canon lower (func $fs "[method]descriptor.write") (memory (core memory $m "memory"))))
  (core func $times (canon lower (func $fs "[method]descriptor.set-times-at") (memory (core memory $m "memory"))))
  (core module $c
    (import "a" "memory" (memory 1))
    (import "a" "dirs" (func $dirs (param i32)))
    (import "a" "open" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
    (import "a" "write" (func $write (param i32 i32 i32 i64 i32)))
    (import "a" "times" (func $times (param i32 i32 i32 i32 i32 i64 i32 i32 i64 i32 i32)))
    (func $folder (result i32)
      (call $dirs (i32.const 16))
      (i32.load (i32.load (i32.const 16))))
    ;; How many of so many bytes are taken.
    (func (export "write") (param i32) (result i64)
      (memory.fill (i32.const 65536) (i32.const 46) (local.get 0))
      ;; Created or emptied, for writing.
      (call $open (call $folder) (i32.const 0) (i32.const 512) (i32.const 4) (i32.const 9) (i32.const 2) (i32.const 32))
      (if (i32.load8_u (i32.const 32)) (then unreachable))
      (call $write (i32.load (i32.const 36)) (i32.const 65536) (local.get 0) (i64.const 0) (i32.const 64))
      (if (i32.load8_u (i32.const 64)) (then unreachable))
      (i64.load (i32.const 72)))
    ;; None, or one more than the error's number.
    (func (export "touch") (result i32)
      (call $times (call $folder) (i32.const 1) (i32.const 512) (i32.const 4)
        (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 2) (i64.const 1000000) (i32.const 0) (i32.const 64))
      (if (result i32) (i32.load8_u (i32.const 64))
        (then (i32.add (i32.const 1) (i32.load8_u (i32.const 65))))
        (else (i32.const 0)))))
  (core instance $i (instantiate $c (with "a" (instance (export "memory" (memory $m "memory")) (export "dirs" (func $dirs))
    (export "open" (func $open)) (export "write" (func $write)) (export "times" (func $times))))))
  (func (export "write") (param "bytes" u32) (result u64) (canon lift (core func $i "write")))
  (func (export "touch") (result u32) (canon lift (core func $i "touch"))))
