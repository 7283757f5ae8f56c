"""`python -m nurture` is the `nurture` command."""

from nurture.cli import main

if __name__ == "__main__":
    main(prog_name="nurture")
