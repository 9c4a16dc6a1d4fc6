"""`python -m gwsim` is the command gwsim."""

from gwsim.command import main

if __name__ == "__main__":
    main()
