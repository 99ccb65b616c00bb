"""Cut-outs for Wagtail: the image operation ``removebg``; app label ``rembg_wagtail``."""
