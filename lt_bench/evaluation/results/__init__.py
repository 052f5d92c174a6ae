"""Result files, and comparisons and reports made from them."""
