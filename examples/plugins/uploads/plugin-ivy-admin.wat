;; Hopes that the program around it offers more than it should.
(component
  (import "blog:store/articles@1.0.0" (instance $articles (export "delete-all" (func))))
  (core func $delete (canon lower (func $articles "delete-all")))
  (core module $module
    (import "articles" "delete-all" (func $delete))
    (func (export "render") (call $delete)))
  (core instance $instance (instantiate $module (with "articles" (instance (export "delete-all" (func $delete))))))
  (func (export "render") (canon lift (core func $instance "render"))))
