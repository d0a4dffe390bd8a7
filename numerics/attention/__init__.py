"""One attention layer: softmax features of a template, averaged over its wildcards."""
