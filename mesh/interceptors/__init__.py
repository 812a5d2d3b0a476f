"""What happens around every call, one file each."""
