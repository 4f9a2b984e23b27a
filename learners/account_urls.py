from django.urls import path

from learners import account_views

urlpatterns = [
    path("", account_views.account, name="account"),
    # In place of allauth's.
    path("login/", account_views.SignInView.as_view(), name="account_login"),
    path("oidc/<str:provider_id>/login/", account_views.sign_in_by_provider, name="openid_connect_login"),
    path("devices/<uuid:device>/sign-out/", account_views.sign_out_device, name="account_sign_out_device"),
    path("sign-out-everywhere/", account_views.sign_out_everywhere, name="account_sign_out_everywhere"),
    path("invitation/<str:token>/", account_views.invitation, name="account_invitation"),
]
