"""Who wrote the mail, and whether the domain of the address vouches for it (our MX, SPF, DKIM). Pure but for DNS."""
