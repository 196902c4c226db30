"""Batches: many runs from one manifest or grid, planned and priced as a whole, carried out, and reported.

``manifest`` reads the rows; ``plan`` checks, repairs and prices them and finds what a budget allows; ``execution``
starts and follows the runs; ``batch_folder`` is the folder of the results; ``report`` is what is written into it at the
end, and read again to know which cells are meant; ``order`` puts all this together, for whoever asks. It may import
``composition``, ``presentation``, ``results`` and ``sheets``, and what lies below them.
"""
