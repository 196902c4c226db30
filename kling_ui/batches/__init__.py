"""Batches: many runs from one manifest or grid, planned and priced as a whole, carried out, and reported.

``manifest`` reads the rows and ``selection`` says which of them are meant; ``plan`` checks, repairs and prices them and
finds what a budget allows; ``execution`` starts and follows the runs; ``batch_folder`` is the folder of the results;
``report`` is what is written into it at the end; ``order`` puts all this together, for whoever
asks. It may import ``composition``, ``presentation``, ``results`` and ``sheets``, and what lies below them.
"""
