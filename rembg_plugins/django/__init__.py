"""Cut-outs for Django: a storage, a form field, tasks and a ledger; app label ``rembg``."""
